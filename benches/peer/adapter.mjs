// What oidc-provider keeps, in PostgreSQL: one row an instance, every statement prepared and by an index.

export const schema = `
  create table models (
      model text not null,
      id text not null,
      payload jsonb not null,
      grant_id text,
      uid text,
      user_code text,
      expires_at timestamptz,
      consumed_at timestamptz,
      primary key (model, id)
  );
  create index on models (grant_id) where grant_id is not null;
  create index on models (uid) where uid is not null;
  create index on models (user_code) where user_code is not null`;

const statements = {
  upsert: `insert into models (model, id, payload, grant_id, uid, user_code, expires_at)
           values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 second')
           on conflict (model, id) do update set payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid,
               user_code = excluded.user_code, expires_at = excluded.expires_at`,
  find: 'select payload, consumed_at from models where model = $1 and id = $2',
  findByUid: 'select payload, consumed_at from models where model = $1 and uid = $2',
  findByUserCode: 'select payload, consumed_at from models where model = $1 and user_code = $2',
  consume: 'update models set consumed_at = now() where model = $1 and id = $2',
  destroy: 'delete from models where model = $1 and id = $2',
  revokeByGrantId: 'delete from models where model = $1 and grant_id = $2',
};

/** A class of adapters over this pool, as oidc-provider wants it. */
export const adapter = (pool) =>
  class {
    constructor(model) {
      this.model = model;
    }

    async #run(name, ...values) {
      return pool.query({ name, text: statements[name], values: [this.model, ...values] });
    }

    async #read(name, key) {
      const { rows: [row] } = await this.#run(name, key);
      if (!row) return undefined;
      return row.consumed_at ? { ...row.payload, consumed: true } : row.payload;
    }

    async upsert(id, payload, expiresIn) {
      const { grantId, uid, userCode } = payload;
      await this.#run('upsert', id, payload, grantId, uid, userCode, expiresIn);
    }

    async find(id) {
      return this.#read('find', id);
    }

    async findByUid(uid) {
      return this.#read('findByUid', uid);
    }

    async findByUserCode(userCode) {
      return this.#read('findByUserCode', userCode);
    }

    async consume(id) {
      await this.#run('consume', id);
    }

    async destroy(id) {
      await this.#run('destroy', id);
    }

    async revokeByGrantId(grantId) {
      await this.#run('revokeByGrantId', grantId);
    }
  };
