package postgres

// adviceFormat is that of the tables and functions of decisions. Whoever changes one raises
// it: a source of another format is refused. In format 1 names were looked up pack by pack.
const adviceFormat = 2

const sqlAdviceTables = `
CREATE TABLE advice_meta (
	one    smallint PRIMARY KEY CHECK (one = 1),
	format integer  NOT NULL,
	id     text     NOT NULL,
	shards integer  NOT NULL,
	beat   bigint   NOT NULL -- counts repetitions, which write nothing else
);
CREATE TABLE advice_shard (
	shard    integer PRIMARY KEY,
	revision bigint  NOT NULL,
	hash     bytea   NOT NULL, -- the chain at the revision
	cut      bigint  NOT NULL, -- packs up to it are gone
	base     bytea   NOT NULL  -- the chain there
) WITH (fillfactor = 10);
CREATE TABLE advice_pack (
	shard    integer  NOT NULL,
	revision bigint   NOT NULL,
	id       text     COLLATE "C" NOT NULL,
	hash     bytea    NOT NULL, -- the chain after it
	names    bytea    NOT NULL, -- those that it brought: see advice_names
	body     bytea    NOT NULL,
	PRIMARY KEY (shard, revision)
);
ALTER TABLE advice_pack ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE advice_pack SET (toast_tuple_target = 8160); -- most packs stay in one piece
CREATE TABLE advice_name (
	name  bigint  PRIMARY KEY,
	shard integer NOT NULL
);
-- advice_names returns the names in a pack's column, 8 bytes each. Arrays cost more to write
-- than this costs to read, and they are read once, when the pack is cut.
CREATE FUNCTION advice_names(names bytea) RETURNS SETOF bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT ('x' || encode(substr(names, 8 * i + 1, 8), 'hex'))::bit(64)::bigint FROM generate_series(0, length(names) / 8 - 1) i
$$;
CREATE TABLE advice_snapshot (
	shard    integer NOT NULL,
	revision bigint  NOT NULL,
	hash     bytea   NOT NULL,
	version  integer NOT NULL,
	body     bytea   NOT NULL,
	PRIMARY KEY (shard, revision)
);
CREATE TABLE advice_ledger (
	key      text   COLLATE "C" PRIMARY KEY,
	revision bigint NOT NULL,
	body     bytea  NOT NULL
);

-- advice_each writes packs, each of another shard and by itself. Their shards are locked.
CREATE FUNCTION advice_each(
	p_shard  integer[],
	p_expect bigint[],
	p_id     text[],
	names    bigint[],  -- the names of all, each once for a shard
	bringer  integer[], -- and the shard of each
	p_body   bytea[],
	OUT actual bigint[],  -- for each pack, -1 if it is written, else where its shard is
	OUT taken  bigint[],  -- the name that belongs to another shard
	OUT owner  integer[]  -- and that shard, or -1
) LANGUAGE plpgsql AS $$
DECLARE
	packs   integer := cardinality(p_shard);
	own     bigint[];
	s       advice_shard;
	added   bigint[];
	t_name  bigint;
	t_shard integer;
	chain   bytea;
BEGIN
	actual := array_fill(-1::bigint, ARRAY[packs]);
	taken  := array_fill(0::bigint, ARRAY[packs]);
	owner  := array_fill(-1, ARRAY[packs]);
	FOR i IN 1 .. packs LOOP
		SELECT coalesce(array_agg(n.name ORDER BY n.name), '{}') INTO own FROM unnest(names, bringer) n (name, shard) WHERE n.shard = p_shard[i];
		SELECT * INTO STRICT s FROM advice_shard x WHERE x.shard = p_shard[i];
		IF s.revision <> p_expect[i] THEN
			PERFORM FROM advice_pack x WHERE x.shard = p_shard[i] AND x.revision = p_expect[i] + 1 AND x.id = p_id[i];
			IF FOUND THEN
				-- What is repeated may not have reached the standbys yet: commit, to wait for them.
				UPDATE advice_meta SET beat = beat + 1;
			ELSE
				actual[i] := s.revision;
			END IF;
			CONTINUE;
		END IF;
		WITH brought AS (
			INSERT INTO advice_name (name, shard) SELECT n, p_shard[i] FROM unnest(own) n
			ON CONFLICT (name) DO NOTHING RETURNING name
		) SELECT coalesce(array_agg(name), '{}') INTO added FROM brought;
		IF cardinality(added) < cardinality(own) THEN
			SELECT x.name, x.shard INTO t_name, t_shard FROM advice_name x WHERE x.name = ANY (own) AND x.shard <> p_shard[i] LIMIT 1;
			IF FOUND THEN
				DELETE FROM advice_name x WHERE x.name = ANY (added);
				taken[i] := t_name;
				owner[i] := t_shard;
				CONTINUE;
			END IF;
		END IF;
		chain := sha256('\x03'::bytea || s.hash || int8send(p_shard[i]::bigint) || int8send(s.revision + 1) || sha256(p_body[i]));
		INSERT INTO advice_pack (shard, revision, id, hash, names, body)
			VALUES (p_shard[i], s.revision + 1, p_id[i], chain, (SELECT coalesce(string_agg(int8send(n), ''), '') FROM unnest(added) n), p_body[i]);
		UPDATE advice_shard x SET revision = s.revision + 1, hash = chain WHERE x.shard = p_shard[i];
	END LOOP;
END $$;

-- advice_commit writes packs, each of another shard: all at once if nothing is against
-- any of them, as a rule, else one by one.
CREATE FUNCTION advice_commit(
	p_shard  integer[],
	p_expect bigint[],
	p_id     text[],
	p_names  bytea[],   -- the names of each pack, as advice_names reads them
	names    bigint[],  -- those of all, the lowest first, each once for a shard
	bringer  integer[], -- and the shard of each
	p_body   bytea[],
	OUT actual bigint[],
	OUT taken  bigint[],
	OUT owner  integer[]
) LANGUAGE plpgsql AS $$
DECLARE
	packs integer := cardinality(p_shard);
	alike integer;
	added bigint[];
BEGIN
	PERFORM FROM advice_shard x WHERE x.shard = ANY (p_shard) ORDER BY x.shard FOR UPDATE;
	SELECT count(*) INTO alike FROM unnest(p_shard, p_expect) p (shard, expect)
		JOIN advice_shard x ON x.shard = p.shard AND x.revision = p.expect;
	IF alike = packs THEN
		BEGIN
			INSERT INTO advice_name (name, shard) SELECT * FROM unnest(names, bringer);
		EXCEPTION WHEN unique_violation THEN
			alike := 0;
		END;
	END IF;
	IF alike < packs THEN
		-- All names are taken here, in their order, even for packs that are refused below:
		-- whoever takes them one pack after the other may wait for who waits for it. They
		-- stay ours until the commit: others wait for it even where the row is gone.
		WITH put AS (
			INSERT INTO advice_name (name, shard) SELECT * FROM unnest(names, bringer) ON CONFLICT (name) DO NOTHING RETURNING name
		) SELECT array_agg(put.name) INTO added FROM put;
		DELETE FROM advice_name x WHERE x.name = ANY (added);
		SELECT e.actual, e.taken, e.owner INTO actual, taken, owner FROM advice_each(p_shard, p_expect, p_id, names, bringer, p_body) e;
		RETURN;
	END IF;
	WITH put AS (
		INSERT INTO advice_pack (shard, revision, id, hash, names, body)
			SELECT p.shard, p.expect + 1, p.id,
				sha256('\x03'::bytea || x.hash || int8send(p.shard::bigint) || int8send(p.expect + 1) || sha256(p.body)),
				p.names, p.body
			FROM unnest(p_shard, p_expect, p_id, p_body, p_names) p (shard, expect, id, body, names)
			JOIN advice_shard x ON x.shard = p.shard
		RETURNING shard, hash
	) UPDATE advice_shard x SET revision = x.revision + 1, hash = put.hash FROM put WHERE x.shard = put.shard;
	actual := array_fill(-1::bigint, ARRAY[packs]);
	taken  := array_fill(0::bigint, ARRAY[packs]);
	owner  := array_fill(-1, ARRAY[packs]);
END $$;
`

const (
	sqlAdviceFormat = `SELECT to_regclass('advice_meta') IS NOT NULL`
	sqlAdviceMeta   = `SELECT format, id, shards FROM advice_meta`
	sqlAdviceCreate = `INSERT INTO advice_meta (one, format, id, shards, beat) VALUES (1, $1, $2, $3, 0)`
	sqlAdviceShard  = `INSERT INTO advice_shard (shard, revision, hash, cut, base) VALUES ($1, 0, $2, 0, $2)`

	sqlAdviceCommit = `SELECT c.*, CASE WHEN $1 THEN ` + sqlStanding + ` END FROM advice_commit($2, $3, $4, $5, $6, $7, $8) c`

	sqlAdviceHead  = `SELECT revision, hash, cut, base FROM advice_shard WHERE shard = $1`
	sqlAdvicePacks = `SELECT revision, id, hash, body FROM advice_pack WHERE shard = $1 AND revision > $2 ORDER BY revision LIMIT $3`
	sqlAdviceChain = `SELECT hash FROM advice_pack WHERE shard = $1 AND revision = $2`

	sqlAdviceOwner = `SELECT shard FROM advice_name WHERE name = $1`

	// Of a shard's snapshots the newest two stay.
	sqlAdviceSnap = `WITH gone AS (
			DELETE FROM advice_snapshot WHERE shard = $1 AND (revision > $2
				OR revision < (SELECT max(revision) FROM advice_snapshot WHERE shard = $1 AND revision < $2))
		)
		INSERT INTO advice_snapshot (shard, revision, hash, version, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (shard, revision) DO UPDATE SET hash = excluded.hash, version = excluded.version, body = excluded.body`
	sqlAdviceSnaps = `SELECT revision, hash, version, body FROM advice_snapshot WHERE shard = $1 ORDER BY revision DESC LIMIT 2`

	// sqlAdviceCut drops packs and their names; base becomes the chain at the last
	// of them.
	sqlAdviceCut = `WITH moved AS (
			UPDATE advice_shard s SET cut = $2, base = p.hash FROM advice_pack p
			WHERE s.shard = $1 AND s.cut < $2 AND p.shard = $1 AND p.revision = $2 RETURNING s.shard
		), gone AS (
			DELETE FROM advice_pack WHERE shard IN (SELECT shard FROM moved) AND revision <= $2 RETURNING names
		)
		DELETE FROM advice_name WHERE name IN (SELECT advice_names(names) FROM gone)`

	sqlAdviceLedger    = `SELECT revision, body FROM advice_ledger WHERE key = $1`
	sqlAdviceNewLedger = `INSERT INTO advice_ledger (key, revision, body) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING`
	sqlAdvicePutLedger = `UPDATE advice_ledger SET revision = revision + 1, body = $3 WHERE key = $1 AND revision = $2`

	sqlAdviceDropLedgers = `DELETE FROM advice_ledger WHERE key = ANY ($1)`

	sqlAdviceSize = `SELECT coalesce(sum(pg_total_relation_size(to_regclass(t)))::bigint, 0)
		FROM unnest(ARRAY['advice_pack', 'advice_name', 'advice_snapshot', 'advice_ledger', 'advice_shard']) t`
)
