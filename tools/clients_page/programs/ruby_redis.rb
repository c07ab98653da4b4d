# ruby redis with its defaults, as the system has it; the argument is the version that is measured.
require "json"
require "redis"

abort "ruby redis is #{Redis::VERSION}" unless Redis::VERSION == ARGV[0]
client = Redis.new(port: ENV.fetch("REDIS_PORT").to_i)
client.get("warm")
puts "ready"
$stdout.flush
$stdin.gets
began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
value = error = message = nil
begin
  value = client.call("GETDEL", ENV.fetch("KEY"))
rescue StandardError => problem
  error = problem.class.name
  message = problem.message[0, 120]
end
seconds = (Process.clock_gettime(Process::CLOCK_MONOTONIC) - began).round(2)
puts JSON.generate({ value: value, error: error, message: message, seconds: seconds })
$stdout.flush
