"""How `manage.py serve` runs gunicorn; docs/performance.md says why it and not another server."""

from config import settings

wsgi_app = "config.wsgi"
bind = f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_WORKERS
worker_class = "gthread"
threads = settings.WEB_THREADS
keepalive = 5
timeout = 30
graceful_timeout = 10
control_socket_disable = True

# config.middleware.ProxyMiddleware alone decides whom to believe: gunicorn would trust any peer on 127.0.0.1.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}

# A header of up to 16 KB reaches the application, whose refusal says what is wrong with it.
limit_request_field_size = 16_380

# No access log here: its lines would carry query strings, where people paste tokens by mistake.
accesslog = None
loglevel = "error"  # its one frequent warning is about bodies of HEAD answers, which it leaves out
