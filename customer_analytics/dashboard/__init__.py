"""The dashboard: a Streamlit app that reads and never writes."""
