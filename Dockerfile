# Triptych for a server of one's own. README, "Deploying it", says how to start it.
FROM python:3.13-slim AS installed

WORKDIR /source
RUN python -m venv /opt/triptych
# The pins first: they are what takes long, and change less often than the code.
COPY requirements.txt .
RUN /opt/triptych/bin/pip install --no-cache-dir --requirement requirements.txt
COPY . .
RUN /opt/triptych/bin/pip install --no-cache-dir --no-deps .


FROM python:3.13-slim

COPY --from=installed /opt/triptych /opt/triptych
# Nothing is written but to /tmp: decoded uploads, surveys, what libraries cache. /models is where
# Keras looks for downloaded weights; mount a volume there to keep them.
ENV PATH=/opt/triptych/bin:$PATH \
    HOME=/tmp \
    KERAS_HOME=/models \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_HEADLESS=true
RUN mkdir /models && chown 10001:10001 /models
USER 10001:10001
WORKDIR /tmp
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://localhost:8501/_stcore/health', timeout=4)"]
CMD ["triptych"]
