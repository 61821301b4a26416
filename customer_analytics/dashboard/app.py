"""The app that `streamlit run` starts: its pages, and the error page when a system does not answer."""

import streamlit as st
from snowflake.connector.errors import Error as SnowflakeError
from snowflake.snowpark.exceptions import SnowparkClientException

from customer_analytics.embedded_snowflake import StartError
from customer_analytics.model_files import ModelFilesError

st.set_page_config(page_title="Customer analytics", page_icon="\N{TEDDY BEAR}", layout="wide")
page = st.navigation(
    [
        st.Page("views/marketing.py", title="Marketing", icon=":material/campaign:", default=True),
        st.Page("views/sales.py", title="Sales", icon=":material/group:"),
        st.Page("views/product.py", title="Product", icon=":material/search:"),
        st.Page("views/pipeline.py", title="Pipeline", icon=":material/account_tree:"),
    ],
    position="top",
)
st.title(page.title)
try:
    page.run()
except (SnowflakeError, SnowparkClientException, StartError, ModelFilesError, OSError, RuntimeError) as error:
    st.error("A system that this page needs does not answer. Run `customer-analytics doctor` to find out why.")
    st.text(getattr(error, "msg", None) or getattr(error, "message", None) or str(error))
    st.button("Try again")
