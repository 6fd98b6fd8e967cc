//! How sound and picture travel in a room.

use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261124_000001_route"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let route = ColumnDef::new("route").text().not_null().default("auto").to_owned();
        manager.alter_table(Table::alter().table("rooms").add_column(route).to_owned()).await
    }
}
