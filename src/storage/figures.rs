use super::{Db, Outage, Tx, timed};
use crate::{
    figures::{Batch, DaySum, DirectDay, Evidence, Service, Span},
    oauth::brand::BrandId,
};
use std::collections::BTreeMap;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

const SECONDS_A_DAY: i64 = 86_400;

fn day(number: i64) -> Date {
    OffsetDateTime::from_unix_timestamp(number.saturating_mul(SECONDS_A_DAY)).map_or(Date::MIN, OffsetDateTime::date)
}

fn number(day: Date) -> i64 {
    day.midnight().assume_utc().unix_timestamp().div_euclid(SECONDS_A_DAY)
}

impl Db {
    /// Adds what one process saw. Again with the same number: nothing more is added.
    pub async fn add_figures(&self, process: Uuid, batch: &Batch, now: OffsetDateTime) -> Result<(), Outage> {
        let mut tx = self.begin("add_figures").await?;
        let news = sqlx::query!(
            "insert into figure_writers as w (process, batch, at) values ($1, $2, $3)
             on conflict (process) do update set batch = excluded.batch, at = excluded.at where w.batch < excluded.batch",
            process,
            batch.number,
            now,
        );
        if news.execute(&mut *tx.inner).await?.rows_affected() == 0 {
            return Ok(());
        }
        tx.add_sums(batch).await?;
        tx.add_marks(batch).await?;
        tx.commit().await
    }
}

impl Tx {
    /// In the order of the keys, as everybody does: nobody waits for each other in a ring.
    async fn add_sums(&mut self, batch: &Batch) -> Result<(), Outage> {
        let of = |value: fn(&DaySum) -> i64| batch.days.values().map(value).collect::<Vec<_>>();
        let (mut brands, mut days, mut services) = (vec![], vec![], vec![]);
        for (brand, at, service) in batch.days.keys() {
            brands.push(brand.as_str().to_owned());
            days.push(day(*at));
            services.push(service.name().to_owned());
        }
        sqlx::query!(
            "insert into figure_days as d (brand, day, service, requests, micros, not_replied, aspsp, tpp, psu)
             select * from unnest($1::text[], $2::date[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
             on conflict (brand, day, service) do update
             set requests = d.requests + excluded.requests, micros = d.micros + excluded.micros,
                 not_replied = d.not_replied + excluded.not_replied, aspsp = d.aspsp + excluded.aspsp,
                 tpp = d.tpp + excluded.tpp, psu = d.psu + excluded.psu",
            &brands,
            &days,
            &services,
            &of(|sum| sum.requests),
            &of(|sum| sum.micros),
            &of(|sum| sum.not_replied),
            &of(|sum| sum.aspsp),
            &of(|sum| sum.tpp),
            &of(|sum| sum.psu),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    async fn add_marks(&mut self, batch: &Batch) -> Result<(), Outage> {
        let (mut brands, mut minutes, mut seconds) = (vec![], vec![], vec![]);
        let (mut failing, mut received, mut counts) = (vec![], vec![], vec![]);
        for (brand, marks) in &batch.brands {
            for (minute, bits) in &marks.replied {
                brands.push(brand.as_str().to_owned());
                minutes.push(*minute);
                seconds.push(bits.cast_signed());
            }
            for (second, count) in &marks.failed {
                failing.push(brand.as_str().to_owned());
                received.push(*second);
                counts.push(i32::try_from(*count).unwrap_or(i32::MAX));
            }
        }
        sqlx::query!(
            "insert into figure_replies as r (brand, minute, seconds) select * from unnest($1::text[], $2::bigint[], $3::bigint[])
             on conflict (brand, minute) do update set seconds = r.seconds | excluded.seconds",
            &brands,
            &minutes,
            &seconds,
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "insert into figure_failures as f (brand, second, requests) select * from unnest($1::text[], $2::bigint[], $3::int[])
             on conflict (brand, second) do update set requests = f.requests + excluded.requests",
            &failing,
            &received,
            &counts,
        )
        .execute(&mut *self.inner)
        .await?;
        let (minutes, seconds): (Vec<_>, Vec<_>) = batch.alive.iter().map(|(minute, bits)| (*minute, bits.cast_signed())).unzip();
        sqlx::query!(
            "insert into figure_alive as a (minute, seconds) select * from unnest($1::bigint[], $2::bigint[])
             on conflict (minute) do update set seconds = a.seconds | excluded.seconds",
            &minutes,
            &seconds,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}

impl Db {
    /// What there is of a brand in this time.
    pub async fn figures(&self, brand: &BrandId, span: Span) -> Result<Evidence, Outage> {
        let mut evidence = self.marks(brand, span).await?;
        let (first, last) = (day(span.start.div_euclid(SECONDS_A_DAY)), day((span.end - 1).div_euclid(SECONDS_A_DAY)));
        let rows = sqlx::query!("select * from figure_days where brand = $1 and day between $2 and $3", brand.as_str(), first, last);
        for row in timed("figure_days", rows.fetch_all(&self.pool)).await? {
            let service = Service::ALL.into_iter().find(|service| service.name() == row.service).ok_or(Outage::unreadable("service"))?;
            let (requests, micros, not_replied, aspsp, tpp, psu) = (row.requests, row.micros, row.not_replied, row.aspsp, row.tpp, row.psu);
            evidence.sums.insert((number(row.day), service), DaySum { requests, micros, not_replied, aspsp, tpp, psu });
        }
        let rows =
            sqlx::query!("select * from figure_availability where brand = $1 and day between $2 and $3", brand.as_str(), first, last);
        for row in timed("figure_availability", rows.fetch_all(&self.pool)).await? {
            evidence.kept.insert(number(row.day), (row.down_seconds.into(), row.unobserved_seconds.into()));
        }
        let rows = sqlx::query!("select * from figure_direct where brand = $1 and day between $2 and $3", brand.as_str(), first, last);
        for row in timed("figure_direct", rows.fetch_all(&self.pool)).await? {
            let direct =
                DirectDay { down_seconds: row.down_seconds.into(), mean_ms: row.mean_ms, error_rate_percent: row.error_rate_percent };
            evidence.direct.insert(number(row.day), direct);
        }
        Ok(evidence)
    }

    async fn marks(&self, brand: &BrandId, span: Span) -> Result<Evidence, Outage> {
        let mut evidence = Evidence::default();
        let (first, last) = (span.start.div_euclid(60), (span.end - 1).div_euclid(60));
        let rows = sqlx::query!(
            "select minute, seconds from figure_replies where brand = $1 and minute between $2 and $3",
            brand.as_str(),
            first,
            last
        );
        let rows = timed("figure_replies", rows.fetch_all(&self.pool)).await?;
        evidence.marks.replied = rows.into_iter().map(|row| (row.minute, row.seconds.cast_unsigned())).collect();
        let rows = sqlx::query!(
            "select second, requests from figure_failures where brand = $1 and second >= $2 and second < $3",
            brand.as_str(),
            span.start,
            span.end
        );
        let rows = timed("figure_failures", rows.fetch_all(&self.pool)).await?;
        evidence.marks.failed = rows.into_iter().map(|row| (row.second, u32::try_from(row.requests).unwrap_or(0))).collect();
        let rows = sqlx::query!("select minute, seconds from figure_alive where minute between $1 and $2", first, last);
        let rows = timed("figure_alive", rows.fetch_all(&self.pool)).await?;
        evidence.alive = rows.into_iter().map(|row| (row.minute, row.seconds.cast_unsigned())).collect();
        evidence.since = self.first_seen(brand).await?;
        Ok(evidence)
    }

    /// The second in which some process ran for the first time, or the first day that is kept in short.
    async fn first_seen(&self, brand: &BrandId) -> Result<Option<i64>, Outage> {
        let first = sqlx::query!("select minute, seconds from figure_alive where minute > 0 order by minute limit 1");
        let first = timed("figure_since", first.fetch_optional(&self.pool)).await?;
        let ran = first.map(|row| row.minute * 60 + i64::from(row.seconds.trailing_zeros()));
        let day = sqlx::query_scalar!("select min(day) from figure_availability where brand = $1", brand.as_str());
        let kept = timed("figure_since", day.fetch_one(&self.pool)).await?.map(|day| number(day) * SECONDS_A_DAY);
        Ok(ran.into_iter().chain(kept).min())
    }

    /// Takes the bank's own figures in place of what there was of these days.
    pub async fn put_direct_figures(
        &self,
        brand: &BrandId,
        days: &[(Date, DirectDay)],
        now: OffsetDateTime,
        by: &str,
    ) -> Result<(), Outage> {
        let down: Vec<_> = days.iter().map(|(_, figures)| i32::try_from(figures.down_seconds).unwrap_or(i32::MAX)).collect();
        let put = sqlx::query!(
            "insert into figure_direct (brand, day, down_seconds, mean_ms, error_rate_percent, imported_at, imported_by)
             select $1, d.day, d.down, d.mean, d.errors, $6, $7
             from unnest($2::date[], $3::int[], $4::double precision[], $5::double precision[]) as d (day, down, mean, errors)
             on conflict (brand, day) do update
             set down_seconds = excluded.down_seconds, mean_ms = excluded.mean_ms, error_rate_percent = excluded.error_rate_percent,
                 imported_at = excluded.imported_at, imported_by = excluded.imported_by",
            brand.as_str(),
            &days.iter().map(|(day, _)| *day).collect::<Vec<_>>(),
            &down,
            &days.iter().map(|(_, figures)| figures.mean_ms).collect::<Vec<_>>() as &[Option<f64>],
            &days.iter().map(|(_, figures)| figures.error_rate_percent).collect::<Vec<_>>() as &[Option<f64>],
            now,
            by,
        );
        timed("put_direct_figures", put.execute(&self.pool)).await?;
        Ok(())
    }

    /// Keeps these days in short, and forgets the marks of before.
    pub async fn forget_marks(&self, brand: &BrandId, days: &BTreeMap<i64, (i64, i64)>, before: i64) -> Result<(), Outage> {
        let mut tx = self.begin("forget_marks").await?;
        let short = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
        sqlx::query!(
            "insert into figure_availability (brand, day, down_seconds, unobserved_seconds)
             select $1, d.day, d.down, d.unobserved from unnest($2::date[], $3::int[], $4::int[]) as d (day, down, unobserved)
             on conflict (brand, day) do nothing",
            brand.as_str(),
            &days.keys().map(|at| day(*at)).collect::<Vec<_>>(),
            &days.values().map(|(down, _)| short(*down)).collect::<Vec<_>>(),
            &days.values().map(|(_, unobserved)| short(*unobserved)).collect::<Vec<_>>(),
        )
        .execute(&mut *tx.inner)
        .await?;
        sqlx::query!("delete from figure_replies where brand = $1 and minute < $2", brand.as_str(), before.div_euclid(60))
            .execute(&mut *tx.inner)
            .await?;
        sqlx::query!("delete from figure_failures where brand = $1 and second < $2", brand.as_str(), before)
            .execute(&mut *tx.inner)
            .await?;
        tx.commit().await
    }

    /// Minutes of before, once every brand's days of them are kept; and processes that wrote last before `silent`.
    pub async fn forget_alive(&self, before: i64, silent: OffsetDateTime) -> Result<(), Outage> {
        timed("forget_alive", sqlx::query!("delete from figure_alive where minute < $1", before.div_euclid(60)).execute(&self.pool))
            .await?;
        timed("forget_alive", sqlx::query!("delete from figure_writers where at < $1", silent).execute(&self.pool)).await?;
        Ok(())
    }
}
