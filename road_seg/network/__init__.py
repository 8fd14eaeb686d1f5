"""The U-Net: encoders, decoder, head (PyTorch)."""
