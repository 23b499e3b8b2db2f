/* os_fake_socket.c -- a listener and its clients in the fake kernel
 *
 * A poll that finds nothing ready moves the clock by its timeout.
 */
#include <errno.h>
#include <string.h>

#include "core/os_socket.h"
#include "os_fake_parts.h"

enum {
	LISTENER_FD = 2000,
	CLIENT_FD = 2001,
	BYTES = 16 << 10
};

struct client {
	uint32_t uid;
	bool waits, open, hung_up, is_silent;
	char said[BYTES], told[BYTES];
	size_t nsaid, ntaken, ntold, room;
};

static struct client clients[OS_FAKE_CLIENTS];
static int nclients;
static bool listening;
static char channel[64];

static struct client *
client_of(int fd)
{
	if (fd < CLIENT_FD || fd >= CLIENT_FD + nclients ||
	    !clients[fd - CLIENT_FD].open)
		os_fake_break("no such socket");
	return &clients[fd - CLIENT_FD];
}

int
os_fake_connect(uint32_t uid)
{
	struct client *client = &clients[nclients];

	if (nclients == OS_FAKE_CLIENTS)
		os_fake_break("too many clients");
	memset(client, 0, sizeof(*client));
	client->uid = uid;
	client->waits = true;
	client->room = BYTES - 1;
	return nclients++;
}

void
os_fake_say(int client, const char *bytes)
{
	struct client *one = &clients[client];
	size_t len = strlen(bytes);

	if (one->nsaid + len > BYTES)
		os_fake_break("said too much");
	memcpy(one->said + one->nsaid, bytes, len);
	one->nsaid += len;
}

void
os_fake_say_no_more(int client)
{
	clients[client].is_silent = true;
}

void
os_fake_hang_up(int client)
{
	clients[client].hung_up = true;
}

void
os_fake_room(int client, size_t bytes)
{
	clients[client].room = bytes;
}

const char *
os_fake_told(int client)
{
	return clients[client].told;
}

bool
os_fake_dropped(int client)
{
	return !clients[client].open && !clients[client].waits;
}

bool
os_fake_waiting(int client)
{
	return clients[client].waits;
}

bool
os_fake_is_listening(void)
{
	return listening;
}

const char *
os_fake_channel(void)
{
	return channel;
}

bool
os_fake_close_socket(int fd)
{
	if (fd == LISTENER_FD) {
		if (!listening)
			os_fake_break("closed a listener that is not there");
		listening = false;
		return true;
	}
	if (fd < CLIENT_FD)
		return false;
	client_of(fd)->open = false;
	return true;
}

uint64_t
gcm_os_pid_space(void)
{
	return 77;
}

uint32_t
gcm_os_user(void)
{
	return os_fake.user;
}

int
gcm_os_listen(const char *name, size_t len)
{
	int error = os_fake_must_fail(OS_LISTEN);

	if (error != 0)
		return error;
	if (listening || len >= sizeof(channel))
		os_fake_break("a second listener, or a long name");
	memcpy(channel, name, len);
	channel[len] = '\0';
	listening = true;
	return LISTENER_FD;
}

int
gcm_os_accept(int listener, uint32_t *uid)
{
	int error = os_fake_must_fail(OS_ACCEPT);

	if (error != 0)
		return error;
	if (listener != LISTENER_FD || !listening)
		os_fake_break("no such listener");
	for (int i = 0; i < nclients; i++) {
		if (!clients[i].waits)
			continue;
		clients[i].waits = false;
		clients[i].open = true;
		*uid = clients[i].uid;
		return CLIENT_FD + i;
	}
	return -EAGAIN;
}

long
gcm_os_receive(int fd, char *bytes, size_t len)
{
	struct client *client = client_of(fd);
	size_t left = client->nsaid - client->ntaken;

	if (left == 0)
		return client->hung_up || client->is_silent ? 0 : -EAGAIN;
	len = len < left ? len : left;
	memcpy(bytes, client->said + client->ntaken, len);
	client->ntaken += len;
	return (long)len;
}

long
gcm_os_send(int fd, const char *bytes, size_t len)
{
	struct client *client = client_of(fd);

	if (client->hung_up)
		return -EPIPE;
	if (client->room == 0)
		return -EAGAIN;
	len = len < client->room ? len : client->room;
	memcpy(client->told + client->ntold, bytes, len);
	client->ntold += len;
	client->room -= len;
	return (long)len;
}

static bool
is_ready(const struct gcm_os_poll *one)
{
	const struct client *client;

	if (one->fd == LISTENER_FD) {
		for (int i = 0; i < nclients; i++)
			if (clients[i].waits)
				return true;
		return false;
	}
	client = client_of(one->fd);
	if (client->hung_up)
		return true;
	return (one->wanted & GCM_OS_IN) != 0
		   ? client->is_silent || client->nsaid > client->ntaken
		   : client->room > 0;
}

long
gcm_os_poll(struct gcm_os_poll *list, size_t n, uint64_t timeout_ns, int number)
{
	int error = os_fake_must_fail(OS_POLL);

	(void)number;
	if (error != 0)
		return error;
	for (size_t i = 0; i < n; i++)
		if (is_ready(&list[i]))
			return 1;
	if (os_fake.on_wait != NULL)
		os_fake.on_wait(NULL, timeout_ns);
	os_fake.now_ns += timeout_ns;
	return 0;
}

void
gcm_os_rouse(
    _Atomic uint32_t *asleep, int pid, _Atomic uint32_t *tid, int number)
{
	(void)pid;
	(void)tid;
	(void)number;
	atomic_store(asleep, GCM_OS_AWAKE);
}
