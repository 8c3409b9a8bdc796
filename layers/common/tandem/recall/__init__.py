"""From what two stores know to what a turn is given: merge, rank, budget."""
