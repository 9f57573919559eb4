"""Models in MLflow's registry: putting them there, comparing them, and choosing the one that is used."""
