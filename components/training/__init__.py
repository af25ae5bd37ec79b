"""The Trainer that both models share: TFX's, with the catalogue and the users' sequences as inputs."""
