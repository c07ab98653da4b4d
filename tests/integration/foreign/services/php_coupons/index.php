<?php
// Coupons, as JSON in a hash of Redis by phpredis (CACHE_DRIVER=redis), a connection for each request; else in files.
// An unknown coupon is a 200 that says so. CACHE_PREFIX and CACHE_TTL (seconds; 0: none) as in Laravel.
function redis(): Redis {
    $redis = new Redis();
    $redis->connect(getenv('REDIS_HOST'), (int) getenv('REDIS_PORT'), 1.0);
    $redis->setOption(Redis::OPT_PREFIX, getenv('CACHE_PREFIX') ?: 'shop:');
    return $redis;
}

function save(string $code, array $coupon): void {
    if (getenv('CACHE_DRIVER') !== 'redis') {
        file_put_contents(sys_get_temp_dir() . "/coupon-$code", json_encode($coupon));
        return;
    }
    $redis = redis();
    $redis->hSet("coupon:$code", 'data', json_encode($coupon));
    $ttl = getenv('CACHE_TTL');
    if ($ttl !== '0') {
        $redis->expire("coupon:$code", (int) ($ttl ?: 600));
    }
}

function load(string $code): ?array {
    $file = sys_get_temp_dir() . "/coupon-$code";
    $text = getenv('CACHE_DRIVER') === 'redis' ? redis()->hGet("coupon:$code", 'data')
        : (is_file($file) ? file_get_contents($file) : false);
    return $text === false ? null : json_decode($text, true);
}

header('Content-Type: application/json');
$body = json_decode(file_get_contents('php://input') ?: '{}', true);
switch (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
    case '/coupons':
        $code = bin2hex(random_bytes(12));
        save($code, ['percent' => 15]);
        http_response_code(201);
        echo json_encode(['data' => ['code' => $code]]);
        break;
    case '/coupons/check':
        $coupon = load(preg_replace('/\W/', '', $body['code'] ?? ''));
        echo json_encode($coupon === null ? ['valid' => false, 'reason' => 'unknown code'] : ['valid' => true] + $coupon);
        break;
    default:
        echo json_encode(['ok' => true]);
}
