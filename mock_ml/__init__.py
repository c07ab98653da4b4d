"""The mock YOLO/OCR service, with its pictures; the only mock of the stack."""
