"""What people wear: outfits, materials, patterns."""
