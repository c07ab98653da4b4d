require 'json'
require 'rack'
require 'rack/session/redis'
require 'rack/handler/webrick'

app = lambda do |env|
  request = Rack::Request.new(env)
  session = request.session
  json = ->(status, data) { [status, { 'Content-Type' => 'application/json' }, [JSON.generate(data)]] }
  case request.path
  when '/ready' then json.call(200, {})
  when '/login'
    session['user'] = 'alice'
    json.call(200, { ok: true })
  else
    next json.call(401, { ok: false }) unless session['user']

    case request.path
    when '/set'
      request.GET.each { |name, value| session[name] = value }
      json.call(200, { ok: true })
    when '/logout'
      session.destroy
      json.call(200, { ok: true })
    else json.call(200, session.to_hash.reject { |name, _| name == 'session_id' })
    end
  end
end

app = Rack::Session::Redis.new(app, redis_server: "#{ENV.fetch('REDIS_URL').chomp('/')}/0/rack:session")
Rack::Handler::WEBrick.run(app, Host: '127.0.0.1', Port: ENV.fetch('PORT').to_i, AccessLog: [], Logger: WEBrick::Log.new(nil, 0))
