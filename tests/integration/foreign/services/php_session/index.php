<?php
// PHP's own sessions: in Redis with SESSIONS=redis (the extension's handler), else in files.
if (getenv('SESSIONS') === 'redis') {
    ini_set('session.save_handler', 'redis');
    ini_set('session.save_path', 'tcp://' . getenv('REDIS_HOST') . ':' . getenv('REDIS_PORT'));
}
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
header('Content-Type: application/json');
if ($path === '/login') {
    session_start();
    $_SESSION['visits'] = 0;
    echo json_encode(['ok' => true]);
} elseif ($path === '/visits') {
    session_start();
    $known = isset($_SESSION['visits']);
    if ($known) {
        $_SESSION['visits'] += 1;
    } else {
        http_response_code(401);
    }
    echo json_encode(['ok' => $known]);
} else {
    echo json_encode(['ok' => true]);
}
