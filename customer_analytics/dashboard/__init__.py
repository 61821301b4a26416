"""The dashboard: a read-only Streamlit app."""
