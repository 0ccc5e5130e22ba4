"""What each idea of the paper gives: variants of the stages after the networks, compared on the same photos."""
