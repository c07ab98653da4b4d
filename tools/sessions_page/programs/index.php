<?php
ini_set('session.save_handler', 'redis');
ini_set('session.save_path', 'tcp://' . getenv('REDIS_HOST') . ':' . getenv('REDIS_PORT'));
ini_set('redis.session.locking_enabled', getenv('LOCKING') ?: '0');
if (getenv('LOCK_RETRIES')) {
    ini_set('redis.session.lock_retries', getenv('LOCK_RETRIES'));
}
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
header('Content-Type: application/json');
if ($path === '/ready') {
    echo '{}';
    exit;
}
session_start();
if ($path === '/login') {
    $_SESSION['user'] = 'alice';
    echo '{"ok": true}';
} elseif (!isset($_SESSION['user'])) {
    http_response_code(401);
    echo '{"ok": false}';
} elseif ($path === '/set') {
    $_SESSION = $_GET + $_SESSION;
    echo '{"ok": true}';
} elseif ($path === '/logout') {
    session_destroy();
    echo '{"ok": true}';
} else {
    ksort($_SESSION);
    echo json_encode($_SESSION);
}
