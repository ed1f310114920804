#!/bin/bash
# SPDX-License-Identifier: MIT
# web.sh - prints an nginx configuration that serves DIR/www on port 80.
#
#   tools/traffic/web.sh DIR >DIR/nginx.conf;  nginx -c DIR/nginx.conf -p DIR
#
# One process in the foreground that keeps all its files in DIR. The access log
# has the whole request line and the header X-Note, so that a test can look for
# what must not have arrived.
set -eu
[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
cat <<CONF
daemon off;
master_process off;
user root;
pid $1/nginx.pid;
error_log $1/nginx.err;
events { worker_connections 256; }
http {
  log_format seen '\$request \$status note="\$http_x_note"';
  access_log $1/access.log seen;
  client_body_temp_path $1/tmp_body;
  proxy_temp_path $1/tmp_proxy;
  fastcgi_temp_path $1/tmp_fastcgi;
  uwsgi_temp_path $1/tmp_uwsgi;
  scgi_temp_path $1/tmp_scgi;
  sendfile on;
  server {
    listen 80;
    listen [::]:80 ipv6only=on;
    root $1/www;
  }
}
CONF
