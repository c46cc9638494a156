"""The one model class that composes components, and the parts it owns."""
