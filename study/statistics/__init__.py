"""What finished trials say about those that were not tried: numbers in, numbers out."""
