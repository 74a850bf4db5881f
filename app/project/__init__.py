"""The project: what was predicted and what people made of it, durable at every moment. No Qt."""
