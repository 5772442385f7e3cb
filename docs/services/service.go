// A service with net/http. Start: PORT=9000 go run service.go
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

type userKey struct{}

const problemType = "application/problem+json"
const problem = `{"title": "Tokens can't be checked now", "status": 503, "code": "unavailable"}`

var tokenry = http.Client{Timeout: 2 * time.Second}
var unavailable = http.Header{
	"Content-Type":  {problemType},
	"Cache-Control": {"no-store"},
	"Retry-After":   {"2"},
}

// requireToken lets a request in only if Tokenry allows it.
func requireToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, header, body := ask(r)
		if user, ok := header["X-Auth-User"]; ok && status == http.StatusOK {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user[0])))
			return
		}
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		w.Write(body)
	})
}

// ask returns Tokenry's answer about this request.
func ask(r *http.Request) (int, http.Header, []byte) {
	scope := "reports:write"
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		scope = "reports:read"
	}
	// The only possible error is a wrong TOKENRY_URL. Then no request passes.
	question, _ := http.NewRequest("GET", os.Getenv("TOKENRY_URL")+"/verify?scope="+scope, nil)
	question.Header = http.Header{
		"Authorization":     r.Header["Authorization"],
		"User-Agent":        r.Header["User-Agent"],
		"X-Forwarded-For":   {r.RemoteAddr},
		"X-Original-Method": {r.Method},
		"X-Original-Uri":    {r.URL.EscapedPath()},
	}
	if answer, err := tokenry.Do(question); err == nil {
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		isProblem := answer.Header.Get("Content-Type") == problemType
		if err == nil && (isProblem || answer.Header["X-Auth-User"] != nil) {
			return answer.StatusCode, answer.Header, body
		}
	}
	return http.StatusServiceUnavailable, unavailable, []byte(problem)
}

// The service itself.
func reports(w http.ResponseWriter, r *http.Request) {
	json.NewEncoder(w).Encode(map[string]any{"user": r.Context().Value(userKey{})})
}

func main() {
	http.HandleFunc("/reports", reports)
	handler := requireToken(http.DefaultServeMux)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), handler))
}
