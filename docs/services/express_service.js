// An Express service. Start: PORT=9000 node express_service.js
const express = require("express");

const PROBLEM_TYPE = "application/problem+json";
const UNAVAILABLE = {
  status: 503,
  headers: { "Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store", "Retry-After": "2" },
  body: '{"title": "Tokens can\'t be checked now", "status": 503, "code": "unavailable"}',
};
// Headers of a refusal that the client gets.
const PASSED_ON = /^(cache-control|content-type|link|retry-after|token-.*|www-.*|.*ratelimit.*)$/;

// Lets a request in only if Tokenry allows it.
async function requireToken(req, res, next) {
  const answer = await ask(req).catch(() => UNAVAILABLE);
  if ("user" in answer) {
    req.user = answer.user;
    return next();
  }
  res.writeHead(answer.status, answer.headers).end(answer.body);
}

// Returns the user, or the answer that refuses this request.
async function ask(req) {
  const needed = ["GET", "HEAD"].includes(req.method) ? "reports:read" : "reports:write";
  const headers = {
    Authorization: (req.headersDistinct.authorization ?? []).join(", "),
    "User-Agent": req.get("User-Agent") ?? "",
    "X-Forwarded-For": req.ip,
    "X-Original-Method": req.method,
    "X-Original-URI": req.originalUrl,
  };
  const options = { headers, redirect: "manual", signal: AbortSignal.timeout(2000) };
  const answer = await fetch(`${process.env.TOKENRY_URL}/verify?scope=${needed}`, options);
  const body = await answer.text();
  const user = answer.headers.get("X-Auth-User");
  if (answer.status === 200 && user !== null) return { user };
  if (answer.headers.get("Content-Type") !== PROBLEM_TYPE) return UNAVAILABLE;
  const passedOn = [...answer.headers].filter(([name]) => PASSED_ON.test(name));
  return { status: answer.status, headers: Object.fromEntries(passedOn), body };
}

// The service itself.
const app = express();
app.use(requireToken);
app.all("/reports", (req, res) => res.json({ user: req.user }));
app.listen(process.env.PORT, "127.0.0.1");
