"""What two functions of Tandem need, or what is a boundary to the outside."""
