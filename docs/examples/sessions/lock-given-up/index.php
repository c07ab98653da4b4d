<?php
// PHP's session locking with the defaults of phpredis: ten tries of 2 ms each, then the request goes on without
// the lock, and its write is dropped without an error. LOCK_RETRIES=-1 waits as long as the lock lives.
ini_set('session.save_handler', 'redis');
ini_set('session.save_path', 'tcp://' . getenv('REDIS_HOST') . ':' . getenv('REDIS_PORT'));
ini_set('redis.session.locking_enabled', '1');
ini_set('redis.session.lock_retries', getenv('LOCK_RETRIES') ?: '10');
ini_set('redis.session.lock_wait_time', '2000');

session_start();
header('Content-Type: application/json');
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/ready') {
    echo '{}';
} elseif ($path === '/login') {
    $_SESSION['user'] = 'alice';
    echo '{"ok": true}';
} elseif (!isset($_SESSION['user'])) {
    http_response_code(401);
    echo '{"ok": false}';
} elseif ($path === '/set') {
    $_SESSION = $_GET + $_SESSION;
    echo '{"ok": true}';
} else {
    ksort($_SESSION);
    echo json_encode($_SESSION);
}
