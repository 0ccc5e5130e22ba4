"""JPPNet and SS-JPPNet (Liang et al.): their networks and losses."""
