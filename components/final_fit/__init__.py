"""What goes live has learned from every row: after the judgement the models are trained once more, on all of them."""
