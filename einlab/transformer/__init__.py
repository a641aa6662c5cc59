"""The BERT family of encoders, every matrix product of which is a `contract` call."""
