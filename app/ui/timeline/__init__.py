"""The timeline: states, confidence and tracks of all frames, the transport, and where tracks begin and end."""
