package postgres

// migrations bring the database from one format to the next: entry i makes
// format i+1. They are never changed, only added to.
var migrations = []string{`
CREATE TABLE meta (
	one      smallint PRIMARY KEY CHECK (one = 1),
	journal  text     NOT NULL,
	epoch    integer  NOT NULL,
	position bigint   NOT NULL, -- of the last fact
	hash     bytea    NOT NULL, -- of the last fact
	beat     bigint   NOT NULL  -- counts commits
) WITH (fillfactor = 10);
CREATE TABLE fact (
	position  bigint PRIMARY KEY,
	append    text   COLLATE "C" NOT NULL,
	subject   text   COLLATE "C" NOT NULL,
	revision  bigint NOT NULL,
	kind      text   NOT NULL,
	actor     text   NOT NULL, -- JSON
	time      bigint NOT NULL, -- microseconds since 1970
	body_hash bytea  NOT NULL,
	hash      bytea  NOT NULL,
	body      bytea  NOT NULL, -- JSON
	UNIQUE (subject, revision)
);
CREATE INDEX fact_append ON fact (append, position);
CREATE TABLE document (
	key      text   COLLATE "C" PRIMARY KEY,
	revision bigint NOT NULL,
	expires  bigint NOT NULL, -- microseconds since 1970, 0 for never
	body     bytea  NOT NULL
);
CREATE INDEX document_expires ON document (expires) WHERE expires > 0;
CREATE TABLE blob (
	hash bytea PRIMARY KEY,
	body bytea NOT NULL
);

-- journal_commit carries out a batch of appends, in order, each by itself.
CREATE FUNCTION journal_commit(
	beating   boolean,   -- a barrier waits: commit even if no append is written
	ids       text[],    -- of the appends, each once
	subjects  text[],    -- of the facts, each once
	a_id      integer[], -- for each append, which of ids
	a_end     integer[], -- and which fact is its last
	f_about   integer[], -- for each fact, which of subjects
	f_expect  bigint[],
	f_append  text[],
	f_subject text[],
	f_kind    text[],
	f_actor   text[],
	f_time    bigint[],
	f_sum     bytea[],   -- hash of the body
	f_leaf    bytea[],
	f_body    bytea[],
	OUT first     bigint[],  -- for each append, its first position; 0 if refused
	OUT last      bigint[],
	OUT refused   integer[], -- the fact whose expectation does not hold, or 0
	OUT actual    bigint[],  -- the revision that holds instead
	OUT r_journal text, OUT r_epoch integer, OUT r_position bigint, OUT r_hash bytea, OUT r_beat bigint
) LANGUAGE plpgsql AS $$
DECLARE
	appends     integer := cardinality(a_id);
	known_first bigint[];
	known_last  bigint[];
	revisions   bigint[];
	positions   bigint[] := array_fill(0::bigint, ARRAY[cardinality(f_about)]);
	hashes      bytea[]  := array_fill(''::bytea, ARRAY[cardinality(f_about)]);
	written     boolean  := beating;
	old         bigint;
	start       integer;
	f           integer := 1;
BEGIN
	SELECT journal, epoch, position, hash, beat INTO STRICT r_journal, r_epoch, r_position, r_hash, r_beat FROM meta FOR UPDATE;
	old     := r_position;
	first   := array_fill(0::bigint, ARRAY[appends]);
	last    := first;
	actual  := first;
	refused := array_fill(0, ARRAY[appends]);
	IF appends > 0 THEN
		SELECT array_agg(coalesce(k.first, 0) ORDER BY i.n), array_agg(coalesce(k.last, 0) ORDER BY i.n) INTO known_first, known_last
			FROM unnest(ids) WITH ORDINALITY AS i (id, n),
			LATERAL (SELECT min(x.position) AS first, max(x.position) AS last FROM fact x WHERE x.append = i.id) k;
		SELECT array_agg(coalesce((SELECT max(x.revision) FROM fact x WHERE x.subject = s.name), 0) ORDER BY s.n) INTO revisions
			FROM unnest(subjects) WITH ORDINALITY AS s (name, n);
	END IF;
	FOR a IN 1 .. appends LOOP
		start := f;
		f := a_end[a] + 1;
		IF known_first[a_id[a]] > 0 THEN
			-- What is repeated may not have reached the standbys yet: commit, to wait for them.
			first[a] := known_first[a_id[a]];
			last[a]  := known_last[a_id[a]];
			written  := true;
			CONTINUE;
		END IF;
		FOR u IN start .. a_end[a] LOOP
			IF revisions[f_about[u]] <> f_expect[u] THEN
				refused[a] := u;
				actual[a]  := revisions[f_about[u]];
				EXIT;
			END IF;
			revisions[f_about[u]] := f_expect[u] + 1;
		END LOOP;
		IF refused[a] > 0 THEN
			FOR u IN start .. refused[a] - 1 LOOP
				revisions[f_about[u]] := revisions[f_about[u]] - 1;
			END LOOP;
			CONTINUE;
		END IF;
		first[a] := r_position + 1;
		FOR u IN start .. a_end[a] LOOP
			r_position   := r_position + 1;
			r_hash       := sha256('\x01'::bytea || r_hash || int8send(r_position) || f_leaf[u]);
			positions[u] := r_position;
			hashes[u]    := r_hash;
		END LOOP;
		last[a] := r_position;
		known_first[a_id[a]] := first[a];
		known_last[a_id[a]]  := last[a];
		written := true;
	END LOOP;
	IF NOT written THEN
		RETURN;
	END IF;
	IF r_position > old THEN
		INSERT INTO fact (position, append, subject, revision, kind, actor, time, body_hash, hash, body)
			SELECT x.position, x.append, x.subject, x.expect + 1, x.kind, x.actor, x.time, x.sum, x.hash, x.body
			FROM unnest(positions, f_append, f_subject, f_expect, f_kind, f_actor, f_time, f_sum, hashes, f_body)
				AS x (position, append, subject, expect, kind, actor, time, sum, hash, body)
			WHERE x.position > 0;
		PERFORM pg_notify('holdfast_' || r_journal, r_position::text);
	END IF;
	r_beat := r_beat + 1;
	UPDATE meta SET position = r_position, hash = r_hash, beat = r_beat;
END $$;
`}

const (
	sqlLockMigration = `SELECT pg_advisory_xact_lock(hashtextextended('holdfast migration ' || current_schema(), 0))`
	sqlMigrations    = `CREATE TABLE IF NOT EXISTS migration (
		format  integer PRIMARY KEY,
		applied bigint  NOT NULL -- microseconds since 1970
	)`
	sqlHasFormat = `SELECT to_regclass('migration') IS NOT NULL`
	sqlFormat    = `SELECT coalesce(max(format), 0) FROM migration`
	sqlMigrated  = `INSERT INTO migration (format, applied) VALUES ($1, $2)`
	sqlCreate    = `INSERT INTO meta (one, journal, epoch, position, hash, beat) VALUES (1, $1, $2, $3, $4, $5)`

	sqlMeta = `SELECT journal, epoch, position, hash, beat FROM meta`
	sqlHash = `SELECT hash FROM fact WHERE position = $1`
	sqlLast = `SELECT position, hash FROM fact ORDER BY position DESC LIMIT 1`

	// sqlStanding is what judge reads, as JSON. A standby that receives by a
	// logical slot cannot be promoted, so it is left out.
	sqlStanding = `json_build_object(
		'encoding', current_setting('server_encoding'),
		'fsync', current_setting('fsync'),
		'synchronous_commit', current_setting('synchronous_commit'),
		'names', current_setting('synchronous_standby_names'),
		'timeline', substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
		'slots', (SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical'),
		'standbys', (SELECT coalesce(json_agg(json_build_object('name', r.application_name, 'state', r.state, 'sync', r.sync_state)), '[]')
			FROM pg_stat_replication r WHERE NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')))`

	sqlCommit = `SELECT c.*, CASE WHEN $1 THEN ` + sqlStanding + ` END
		FROM journal_commit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) c`

	// sqlFacts returns whole appends: those of which a fact is among the next
	// $2 facts, and among those with $3 bytes of bodies.
	sqlFacts = `WITH sized AS (
			SELECT position, sum(length) OVER (ORDER BY position) - length AS before
			FROM (SELECT position, octet_length(body) AS length FROM fact WHERE position > $1 ORDER BY position LIMIT $2) next
		), final AS (
			SELECT max(position) AS position FROM sized WHERE before < $3
		)
		SELECT f.position, f.append, f.subject, f.revision, f.kind, f.actor, f.time, f.body_hash, f.hash, f.body
		FROM fact f WHERE f.position > $1 AND f.position <= (
			SELECT least(max(x.position), (SELECT position FROM final) + $4)
			FROM fact x WHERE x.append = (SELECT y.append FROM fact y WHERE y.position = (SELECT position FROM final)))
		ORDER BY f.position`

	sqlDocument  = `SELECT key, revision, expires, body FROM document WHERE key = $1 AND (expires = 0 OR expires > $2)`
	sqlDocuments = `SELECT key, revision, expires, body FROM document
		WHERE key >= $1 AND key > $2 AND starts_with(key, $1) AND (expires = 0 OR expires > $3) ORDER BY key LIMIT $4`
	// sqlNewDocument writes a document that must not exist, sqlPutDocument one
	// that must be at revision $2.
	sqlNewDocument = `INSERT INTO document (key, revision, expires, body) VALUES ($1, $2 + 1, $3, $4)
		ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, expires = excluded.expires, body = excluded.body
		WHERE document.expires > 0 AND document.expires <= $5`
	sqlPutDocument = `UPDATE document SET revision = revision + 1, expires = $3, body = $4
		WHERE key = $1 AND revision = $2 AND (expires = 0 OR expires > $5)`
	sqlDeleteDocument = `DELETE FROM document WHERE key = $1`
	sqlDeleteExpired  = `DELETE FROM document WHERE expires > 0 AND expires <= $1`
	sqlCountDocuments = `SELECT count(*) FROM document`

	sqlBlob    = `SELECT body FROM blob WHERE hash = $1`
	sqlHasBlob = `SELECT EXISTS (SELECT 1 FROM blob WHERE hash = $1)`
	sqlBlobs   = `SELECT hash, body FROM blob`
	sqlPutBlob = `INSERT INTO blob (hash, body) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`
)
