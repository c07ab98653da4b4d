<?php
// phpredis with its defaults, as the system has it; the argument is the version that is measured.
if (phpversion('redis') !== $argv[1]) {
    fwrite(STDERR, 'phpredis is ' . phpversion('redis') . "\n");
    exit(1);
}
$client = new Redis();
$client->connect('127.0.0.1', (int) getenv('REDIS_PORT'));
$client->get('warm');
echo "ready\n";
fgets(STDIN);
$began = microtime(true);
$value = $error = $message = null;
try {
    $value = $client->rawCommand('GETDEL', getenv('KEY'));
} catch (Exception $problem) {
    $error = get_class($problem);
    $message = substr($problem->getMessage(), 0, 120);
}
echo json_encode([
    'value' => $value === false ? null : $value, 'error' => $error, 'message' => $message,
    'seconds' => round(microtime(true) - $began, 2),
]), "\n";
