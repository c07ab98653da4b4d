# Rack's sessions: in Redis with SESSIONS=redis (redis-rack), else in the process's memory.
require "json"
require "rack"
require "rack/handler/webrick"

class Visits
  def call(env)
    session = env["rack.session"]
    known = true
    case env["PATH_INFO"]
    when "/login" then session["visits"] = 0
    when "/visits"
      known = !session["visits"].nil?
      session["visits"] += 1 if known
    end
    [known ? 200 : 401, { "Content-Type" => "application/json" }, [JSON.generate({ "ok" => known })]]
  end
end

if ENV["SESSIONS"] == "redis"
  require "rack/session/redis"
  app = Rack::Session::Redis.new(Visits.new, redis_server: "#{ENV.fetch('REDIS_URL')}/rack:session", expire_after: 60)
else
  app = Rack::Session::Pool.new(Visits.new, expire_after: 60)
end
quiet = WEBrick::Log.new(File::NULL)
Rack::Handler::WEBrick.run(app, Host: "127.0.0.1", Port: Integer(ENV.fetch("PORT")), Logger: quiet, AccessLog: [])
