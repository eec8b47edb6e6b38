import java.time.OffsetDateTime
import rollcall.api.apis.AccountsApi
import rollcall.api.apis.CallsApi
import rollcall.api.apis.FeedApi
import rollcall.api.apis.UsersApi
import rollcall.api.infrastructure.ApiClient
import rollcall.api.infrastructure.ClientException
import rollcall.api.models.CallEnd
import rollcall.api.models.CallStart
import rollcall.api.models.Registration
import rollcall.api.models.StatusChange

/** Uses the client that openapi-generator makes: every body that it sends must be accepted. */
fun main(arguments: Array<String>) {
    val url = arguments[0]
    val accounts = AccountsApi(url)
    val users = UsersApi(url)
    val calls = CallsApi(url)

    val bob = accounts.postAuthRegister(Registration("bob", "a long enough one"))
    ApiClient.accessToken = bob.accessToken
    users.postUsersMeHeartbeat()

    ApiClient.accessToken = accounts.postAuthRegister(Registration("ada", "a long enough one")).accessToken
    val until = OffsetDateTime.parse("2199-01-01T00:00:00Z")
    check(users.putUsersMeStatus(StatusChange(busyUntil = until)).busyUntil == until)
    check(users.putUsersMeStatus(StatusChange(isBusy = false)).busyUntil == null)
    val call = calls.postCallsStart(CallStart(bob.userId, CallStart.CallType.audio))
    check(calls.getCallsHistory().items.single().endedAt == null)
    check(users.getUsersIdPresence(bob.userId).isBusy)
    check(FeedApi(url).getFeedUsers(onlineOnly = true).items.map { it.username } == listOf("bob"))
    check(calls.postCallsEnd(CallEnd(call.callId)).endReason?.value == "completed")
    try {
        accounts.postAuthRegister(Registration("ada", "a long enough one"))
        error("the name is taken")
    } catch (refused: ClientException) {
        check(refused.statusCode == 409)
    }
    println("called ${call.calleeId}")
}
