"""What training minimises: `(model, ecg) -> {"loss": ..., named terms}`, scalars named like the metrics."""
