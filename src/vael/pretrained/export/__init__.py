"""Export a trained model: safetensors, ONNX, a model card."""
