# One image for the code server, the web UI, the daemon, the dashboard and the embedded endpoint.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/customer-analytics
ENV PATH=/opt/customer-analytics/bin:$PATH
WORKDIR /build
# Libraries first, in a layer that stays cached when the project's code changes. pip compiles them to bytecode.
COPY pyproject.toml constraints.txt README.md LICENSE ./
ARG EXTRAS=s3,gcs,azure,dashboard,weaviate,openai,postgres,celery,kubernetes
RUN mkdir customer_analytics && touch customer_analytics/__init__.py \
    && pip install --constraint constraints.txt ".[$EXTRAS]" && pip uninstall --yes customer-analytics \
    && rm -r build customer_analytics customer_analytics.egg-info
COPY customer_analytics customer_analytics
RUN pip install --no-deps . && python -m compileall -q /opt/customer-analytics/lib

FROM python:3.11.14-slim-bookworm
# For LightGBM's threads.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --create-home customer-analytics \
    && install --directory --owner customer-analytics /state /state/dagster /state/dagster/storage /models \
       /var/lib/endpoint
COPY --from=build /opt/customer-analytics /opt/customer-analytics
ENV PATH=/opt/customer-analytics/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CUSTOMER_ANALYTICS_HOME=/state \
    CUSTOMER_ANALYTICS_MODEL_CACHE=/models \
    DAGSTER_HOME=/state/dagster
WORKDIR /state
USER customer-analytics
