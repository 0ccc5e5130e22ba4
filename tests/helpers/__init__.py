"""What several tests share: stand-in networks, drawn people, made-up files."""
