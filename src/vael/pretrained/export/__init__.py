"""A trained model to take elsewhere: safetensors, ONNX, a model card."""
