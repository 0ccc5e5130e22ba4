"""Bodies and what they do: shapes, poses, gestures, interactions."""
