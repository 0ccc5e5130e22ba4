"""The networks and their weights; needs only torch and torchvision."""
