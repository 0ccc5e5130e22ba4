"""A page and a service on this machine: drop a photo and look inside, or post it and get the scene."""
