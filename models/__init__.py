"""The networks and their weights: torch + torchvision only."""
