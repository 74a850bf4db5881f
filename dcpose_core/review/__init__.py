"""Where the wrong joints are: checks with a reason each, their ranking, and the queue that a person works off.

`CHECKS` is all that is checked: each a small function over a `Block` of frames. `queue.ReviewQueue` runs them over a
whole video, keeps what they found and follows edits; `walk.ReviewWalk` goes from one item to the next.
"""

from __future__ import annotations

from dcpose_core.review.check import Check
from dcpose_core.review.confidence import low_confidence, low_confidence_words, refinement, refinement_words
from dcpose_core.review.limbs import limb_length, limb_length_words
from dcpose_core.review.motion import (
    detour,
    detour_words,
    jitter,
    jitter_words,
    jump,
    jump_words,
    leap,
    leap_words,
)
from dcpose_core.review.persons import swapped_identity, swapped_identity_words, too_close, too_close_words
from dcpose_core.review.presence import (
    born_or_lost,
    born_or_lost_words,
    no_box,
    no_box_words,
    outside_image,
    outside_image_words,
)
from dcpose_core.review.sides import left_right, left_right_words, same_place, same_place_words

__all__ = ["CHECKS", "Check"]

CHECKS: dict[str, Check] = {
    "low_confidence": Check("Low confidence", low_confidence, low_confidence_words),
    "refinement": Check("Backbone and refinement disagree", refinement, refinement_words),
    "jump": Check("Jump", jump, jump_words),
    "detour": Check("Off its way", detour, detour_words),
    "jitter": Check("Jitter", jitter, jitter_words),
    "leap": Check("Whole person jumps", leap, leap_words, whole_person=True),
    "limb_length": Check("Limb too long", limb_length, limb_length_words),
    "left_right": Check("Left and right exchanged", left_right, left_right_words),
    "same_place": Check("One limb twice", same_place, same_place_words),
    "too_close": Check("On another person", too_close, too_close_words),
    "swapped_identity": Check("Persons exchanged", swapped_identity, swapped_identity_words, whole_person=True),
    "born_or_lost": Check("Track begins or ends", born_or_lost, born_or_lost_words, whole_person=True),
    "no_box": Check("Not in its box", no_box, no_box_words, whole_person=True),
    "outside_image": Check("Outside the picture", outside_image, outside_image_words),
}
