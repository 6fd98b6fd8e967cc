//! Accounts, sessions, rooms, messages, limits, secrets.
//!
//! Moments are milliseconds since 1970 UTC, ids UUID version 7 in 16 bytes.

use sea_orm_migration::prelude::*;

use super::id_type;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261123_000001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        accounts(manager).await?;
        sessions(manager).await?;
        rooms(manager).await?;
        messages(manager).await?;
        limits(manager).await?;
        secrets(manager).await
    }
}

async fn accounts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("accounts")
        .col(id(manager, "id").primary_key())
        .col(text("username"))
        .col(text("username_folded"))
        .col(text("email"))
        .col(text("email_folded"))
        .col(text("display_name"))
        .col(text("password_hash"))
        .col(ColumnDef::new("is_admin").boolean().not_null())
        .col(millis("created_at"))
        .to_owned();
    manager.create_table(table).await?;
    unique(manager, "accounts", "accounts_username_folded", &["username_folded"]).await?;
    unique(manager, "accounts", "accounts_email_folded", &["email_folded"]).await
}

async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("sessions")
        .col(id(manager, "id").primary_key())
        .col(ColumnDef::new("token_hash").var_binary(32).not_null())
        .col(id(manager, "account"))
        .col(millis("created_at"))
        .col(millis("seen_at"))
        .col(millis("expires_at"))
        .foreign_key(reference("sessions", "account", "accounts").on_delete(ForeignKeyAction::Cascade))
        .to_owned();
    manager.create_table(table).await?;
    unique(manager, "sessions", "sessions_token_hash", &["token_hash"]).await?;
    index(manager, "sessions", "sessions_account", &["account"]).await
}

async fn rooms(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("rooms")
        .col(id(manager, "id").primary_key())
        .col(text("code"))
        .col(id(manager, "owner"))
        .col(text("title"))
        .col(ColumnDef::new("guests_allowed").boolean().not_null())
        .col(millis("created_at"))
        .col(ColumnDef::new("used_at").big_integer())
        .foreign_key(reference("rooms", "owner", "accounts").on_delete(ForeignKeyAction::Cascade))
        .to_owned();
    manager.create_table(table).await?;
    unique(manager, "rooms", "rooms_code", &["code"]).await?;
    index(manager, "rooms", "rooms_owner", &["owner"]).await
}

async fn messages(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("messages")
        .col(id(manager, "id").primary_key())
        .col(id(manager, "room"))
        .col(id(manager, "participant"))
        .col(id(manager, "client_id"))
        .col(ColumnDef::new("account").custom(id_type(manager)))
        .col(text("name"))
        .col(text("text"))
        .col(millis("sent_at"))
        .foreign_key(reference("messages", "room", "rooms").on_delete(ForeignKeyAction::Cascade))
        .foreign_key(reference("messages", "account", "accounts").on_delete(ForeignKeyAction::SetNull))
        .to_owned();
    manager.create_table(table).await?;
    unique(manager, "messages", "messages_participant_client_id", &["participant", "client_id"]).await?;
    index(manager, "messages", "messages_room_id", &["room", "id"]).await?;
    index(manager, "messages", "messages_account", &["account"]).await
}

async fn limits(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create().table("limits").col(text("bucket").primary_key()).col(millis("full_at")).to_owned();
    manager.create_table(table).await
}

async fn secrets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let value = ColumnDef::new("value").var_binary(32).not_null().to_owned();
    manager.create_table(Table::create().table("secrets").col(text("name").primary_key()).col(value).to_owned()).await
}

fn id(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    ColumnDef::new(name).custom(id_type(manager)).not_null().to_owned()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().to_owned()
}

fn millis(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().to_owned()
}

fn reference(from: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().name(format!("{from}_{column}_fk")).from(from, column).to(to, "id").to_owned()
}

async fn unique(manager: &SchemaManager<'_>, table: &'static str, name: &str, columns: &[&'static str]) -> Result<(), DbErr> {
    manager.create_index(over(table, name, columns).unique().to_owned()).await
}

async fn index(manager: &SchemaManager<'_>, table: &'static str, name: &str, columns: &[&'static str]) -> Result<(), DbErr> {
    manager.create_index(over(table, name, columns)).await
}

fn over(table: &'static str, name: &str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}
