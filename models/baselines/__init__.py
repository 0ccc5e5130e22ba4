"""The networks that the two papers compare with."""
