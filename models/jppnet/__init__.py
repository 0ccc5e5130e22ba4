"""JPPNet and SS-JPPNet (Liang et al.): networks and losses."""
