"""What in a data set looks wrong to the model: labels and predictions in which pose and parts disagree, and more."""
