"""The operations of Tagger, one module for each verb, and the modules that they share."""
