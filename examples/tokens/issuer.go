package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// refresh asks the issuer for a new grant.
func refresh(ctx context.Context, issuer, token string) (grant Grant, err error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, issuer, strings.NewReader(form.Encode()))
	if err != nil {
		return grant, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return grant, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return grant, fmt.Errorf("refresh: the issuer answers %s", reply.Status)
	}
	if err := json.NewDecoder(reply.Body).Decode(&grant); err != nil {
		return grant, fmt.Errorf("refresh: decode the issuer's answer: %w", err)
	}
	return grant, nil
}

// issuer stands for the service that grants tokens. As many such services, it
// accepts a refresh token once.
type issuer struct {
	latency time.Duration

	mu               sync.Mutex
	refreshed        int
	refused          int
	nextRefreshToken string
}

func newIssuer(latency time.Duration) *issuer {
	return &issuer{latency: latency, nextRefreshToken: "refresh-0"}
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-time.After(i.latency):
	case <-r.Context().Done():
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.FormValue("refresh_token") != i.nextRefreshToken {
		i.refused++
		http.Error(w, "this refresh token was used before", http.StatusBadRequest)
		return
	}
	i.refreshed++
	i.nextRefreshToken = fmt.Sprint("refresh-", i.refreshed)
	_ = json.NewEncoder(w).Encode(Grant{ // the client has gone
		Access:  fmt.Sprint("access-", i.refreshed),
		Refresh: i.nextRefreshToken,
		Expires: time.Now().Add(time.Hour),
	})
}
