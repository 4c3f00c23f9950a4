"""What composing in a form is made of."""
